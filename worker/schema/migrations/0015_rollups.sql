CREATE TABLE `alert_sums` (
	`window` integer PRIMARY KEY NOT NULL,
	`facts` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `rollup_blocks` (
	`key` integer PRIMARY KEY NOT NULL,
	`sums` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `rollup_days` (
	`key` integer PRIMARY KEY NOT NULL,
	`sums` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `rollup_groups` (
	`number` integer PRIMARY KEY NOT NULL,
	`site_id` text NOT NULL,
	`gpu_model` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `rollup_groups_key` ON `rollup_groups` (`site_id`,`gpu_model`);--> statement-breakpoint
CREATE TABLE `rollup_marks` (
	`key` integer PRIMARY KEY NOT NULL,
	`hours` integer NOT NULL,
	`nonce` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `rollup_state` (
	`id` integer PRIMARY KEY NOT NULL,
	`version` integer NOT NULL,
	`done_hour` integer NOT NULL,
	`marked_hour` integer NOT NULL,
	`open_to_ms` integer,
	`next_open_to_ms` integer
);
