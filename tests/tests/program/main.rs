//! The program `selvedge` as a user runs it, and the files that it reads and writes.

mod arrays;
mod before_a_build;
mod browser;
mod command_line;
mod copied_program;
mod cuda;
mod data;
mod export_c;
mod folds;
mod formats;
mod fuzz;
mod interchange;
mod layers;
mod models;
mod new;
mod pictures;
mod quantize;
mod recipes;
mod resume;
mod runs;
mod search;
mod tables;
mod tasks;
