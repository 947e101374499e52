CREATE TABLE `grid_rereads` (
	`provider` text NOT NULL,
	`grid_zone` text NOT NULL,
	`age_days` integer NOT NULL,
	`next_day` integer NOT NULL,
	`not_before_ms` integer NOT NULL,
	PRIMARY KEY(`provider`, `grid_zone`, `age_days`)
);
