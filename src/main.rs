//! The program `ozg-cloud`.

fn main() {}
