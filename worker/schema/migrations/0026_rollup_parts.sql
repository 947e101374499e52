ALTER TABLE `rollup_marks` ADD `part_hour` integer;--> statement-breakpoint
ALTER TABLE `rollup_marks` ADD `part_nodes` integer;--> statement-breakpoint
ALTER TABLE `rollup_marks` ADD `part_sums` blob;