ALTER TABLE `rollup_state` ADD `labels_version` integer;--> statement-breakpoint
ALTER TABLE `rollup_state` ADD `labels_ready` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `rollup_state` ADD `followed_jobs` text DEFAULT '{}' NOT NULL;