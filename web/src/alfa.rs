//! Alfa: the pages on which caseworkers work. One file per page: its view model, its handlers, its tests.
//!
//! A handler takes the request apart, asks the tenant, and renders; what may be seen and done is decided below. View models
//! are plain data made from protocol types, so that they can be tested without a server.

pub(crate) mod attachment;
pub(crate) mod case;
mod case_view;
pub(crate) mod clearing;
pub(crate) mod events;
pub(crate) mod frame;
mod list_address;
pub(crate) mod sign_in;
pub(crate) mod suggestions;
pub(crate) mod work_list;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod markup;
