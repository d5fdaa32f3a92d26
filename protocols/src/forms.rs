//! Form data.
