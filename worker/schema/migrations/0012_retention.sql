CREATE TABLE `retention_tasks` (
	`task` text PRIMARY KEY NOT NULL,
	`version` integer NOT NULL,
	`day` integer NOT NULL,
	`position` integer NOT NULL,
	`hours` integer NOT NULL,
	`files` integer NOT NULL,
	`bytes` integer NOT NULL
);
