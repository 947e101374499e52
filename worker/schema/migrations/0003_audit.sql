CREATE TABLE `changes` (
	`id` integer PRIMARY KEY NOT NULL,
	`recorded_at_ms` integer NOT NULL,
	`who` text NOT NULL,
	`subject` text NOT NULL,
	`what` text NOT NULL,
	`old_value` text,
	`new_value` text,
	`effective_from_ms` integer,
	`effective_to_ms` integer,
	`why` text
);
--> statement-breakpoint
CREATE INDEX `changes_recorded` ON `changes` (`recorded_at_ms`);--> statement-breakpoint
CREATE INDEX `changes_subject` ON `changes` (`subject`,`recorded_at_ms`);--> statement-breakpoint
CREATE INDEX `changes_what` ON `changes` (`what`,`recorded_at_ms`);--> statement-breakpoint
CREATE TABLE `ledger_revisions` (
	`id` integer PRIMARY KEY NOT NULL,
	`hour_key` integer NOT NULL,
	`recorded_at_ms` integer NOT NULL,
	`old_ledger` blob
);
--> statement-breakpoint
CREATE INDEX `ledger_revisions_hour` ON `ledger_revisions` (`hour_key`);--> statement-breakpoint
CREATE TABLE `part_revisions` (
	`id` integer PRIMARY KEY NOT NULL,
	`node_number` integer NOT NULL,
	`part_id` text NOT NULL,
	`recorded_at_ms` integer NOT NULL,
	`old_part` text
);
--> statement-breakpoint
CREATE INDEX `part_revisions_node` ON `part_revisions` (`node_number`);--> statement-breakpoint
CREATE TABLE `periods` (
	`id` integer PRIMARY KEY NOT NULL,
	`from_ms` integer NOT NULL,
	`to_ms` integer NOT NULL,
	`filter` text NOT NULL,
	`basis` text NOT NULL,
	`signal` text NOT NULL,
	`accounting` text NOT NULL,
	`closed_at_ms` integer NOT NULL,
	`closed_by` text NOT NULL,
	`why` text,
	`figure` text NOT NULL,
	`versions` text NOT NULL,
	`adjustments` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `periods_filter` ON `periods` (`filter`,`from_ms`);--> statement-breakpoint
ALTER TABLE `grid_revisions` ADD `old_duration_ms` integer DEFAULT 300000 NOT NULL;--> statement-breakpoint
ALTER TABLE `grid_revisions` ADD `old_method` text;--> statement-breakpoint
ALTER TABLE `grid_revisions` ADD `old_issued_at_ms` integer;--> statement-breakpoint
CREATE INDEX `grid_revisions_value` ON `grid_revisions` (`value_key`);--> statement-breakpoint
ALTER TABLE `node_devices` ADD `first_seen_at_ms` integer DEFAULT 0 NOT NULL;