CREATE TABLE `fleet_pace` (
	`id` integer PRIMARY KEY NOT NULL,
	`nodes` integer NOT NULL,
	`nodes_of_fullest` integer NOT NULL,
	`raised_to_seconds` integer,
	`changed_at_ms` integer NOT NULL
);
