ALTER TABLE `parts` ADD `count` real;--> statement-breakpoint
ALTER TABLE `parts` ADD `ages_from_ms` integer;--> statement-breakpoint
ALTER TABLE `parts` ADD `replaced_by` text;--> statement-breakpoint
ALTER TABLE `parts` ADD `moved_to` integer;--> statement-breakpoint
ALTER TABLE `parts` ADD `missing_since_ms` integer;--> statement-breakpoint
CREATE INDEX `parts_part` ON `parts` (`part_id`);