CREATE TABLE `replaced_sums` (
	`id` integer PRIMARY KEY NOT NULL,
	`key` integer NOT NULL,
	`mark` integer NOT NULL,
	`replaced_at_ms` integer NOT NULL
);
