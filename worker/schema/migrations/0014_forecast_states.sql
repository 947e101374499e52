CREATE TABLE `grid_forecast_states` (
	`key` integer PRIMARY KEY NOT NULL,
	`generation` integer NOT NULL,
	`model` text NOT NULL,
	`version` integer NOT NULL,
	`since_hour` integer NOT NULL,
	`learned_until_hour` integer NOT NULL,
	`unit_grams_per_kwh` real NOT NULL,
	`state` text NOT NULL
);
