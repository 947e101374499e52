CREATE TABLE `day_files` (
	`key` integer PRIMARY KEY NOT NULL,
	`mark` integer NOT NULL,
	`hours` integer NOT NULL,
	`places` blob NOT NULL
);
--> statement-breakpoint
ALTER TABLE `nodes` ADD `first_filed_day` integer;--> statement-breakpoint
ALTER TABLE `rollup_node_days` ADD `mark` integer;