//! The unified application model.
