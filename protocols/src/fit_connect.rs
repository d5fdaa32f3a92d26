//! FIT-Connect.
