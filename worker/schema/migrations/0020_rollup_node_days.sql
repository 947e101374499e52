CREATE TABLE `rollup_node_days` (
	`key` integer PRIMARY KEY NOT NULL,
	`sums` blob NOT NULL,
	`hours` blob NOT NULL
);
