CREATE TABLE `node_directory` (
	`number` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`hostname` text NOT NULL,
	`fingerprint` text NOT NULL,
	`machine_fingerprint` text NOT NULL,
	`key_id` text NOT NULL,
	`token_id` text NOT NULL,
	`begun_at_ms` integer NOT NULL,
	`pending` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `node_directory_id_unique` ON `node_directory` (`id`);--> statement-breakpoint
CREATE INDEX `node_directory_fingerprint` ON `node_directory` (`fingerprint`);--> statement-breakpoint
CREATE INDEX `node_directory_machine_fingerprint` ON `node_directory` (`machine_fingerprint`);--> statement-breakpoint
ALTER TABLE `periods` ADD `last_change_ids_elsewhere` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `rollup_state` ADD `followed_change_id` integer DEFAULT 0 NOT NULL;