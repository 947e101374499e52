CREATE TABLE `grid_forecasts` (
	`key` integer PRIMARY KEY NOT NULL,
	`issued_at_ms` integer NOT NULL,
	`fetched_at_ms` integer NOT NULL,
	`method` text,
	`start_ms` integer NOT NULL,
	`step_ms` integer NOT NULL,
	`steps` text NOT NULL
);
