CREATE TABLE `grid_services` (
	`service` text PRIMARY KEY NOT NULL,
	`consecutive_failures` integer NOT NULL,
	`retry_at_ms` integer,
	`last_error_at_ms` integer,
	`last_error` text
);
