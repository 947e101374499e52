CREATE TABLE `job_facts` (
	`id` integer PRIMARY KEY NOT NULL,
	`job_number` integer NOT NULL,
	`key` text NOT NULL,
	`value` text,
	`recorded_at_ms` integer NOT NULL,
	`recorded_by` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `job_facts_job` ON `job_facts` (`job_number`);--> statement-breakpoint
CREATE TABLE `job_nodes` (
	`key` integer PRIMARY KEY NOT NULL,
	`first_hour` integer NOT NULL,
	`last_hour` integer NOT NULL
);
