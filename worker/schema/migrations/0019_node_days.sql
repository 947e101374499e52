CREATE TABLE `node_days` (
	`key` integer PRIMARY KEY NOT NULL,
	`received_at_ms` integer NOT NULL,
	`mark` integer NOT NULL,
	`hours` blob NOT NULL
);
