//! The arithmetic: engines, types and networks against each other bit for bit, and against PyTorch.

mod autodiff;
mod examples;
mod fuzz;
mod losses;
mod networks;
mod pytorch;
mod quickstart;
mod tasks;
mod training;
mod trajectories;
