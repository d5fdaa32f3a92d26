//! The whole-program tests, in one binary: the program as it is run, and the house as it is built.

#[path = "whole/program.rs"]
mod program;
#[path = "whole/rooms.rs"]
mod rooms;
#[path = "whole/sources.rs"]
mod sources;
#[path = "whole/tidy.rs"]
mod tidy;
