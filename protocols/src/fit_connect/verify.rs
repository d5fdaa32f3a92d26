//! Judging a submission (Einreichung prüfen): what is checked in which order, and which problem a failure becomes.

mod problem;

pub use self::problem::{Instance, PREFIX, Problem};
