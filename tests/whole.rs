//! The whole-program tests, in one binary: the program as it is run, and the house as it is built.

#[path = "whole/account.rs"]
mod account;
#[path = "whole/claims.rs"]
mod claims;
#[path = "whole/demo.rs"]
mod demo;
#[path = "whole/doctor_online.rs"]
mod doctor_online;
#[path = "whole/figures.rs"]
mod figures;
#[path = "whole/hostile.rs"]
mod hostile;
#[path = "whole/interop.rs"]
mod interop;
#[path = "whole/kills.rs"]
mod kills;
#[path = "whole/load.rs"]
mod load;
#[path = "whole/outbox.rs"]
mod outbox;
#[path = "whole/program.rs"]
mod program;
#[path = "whole/rooms.rs"]
mod rooms;
#[path = "whole/sandbox_events.rs"]
mod sandbox_events;
#[path = "whole/sandbox_faults.rs"]
mod sandbox_faults;
#[path = "whole/sandbox_program.rs"]
mod sandbox_program;
#[path = "whole/sandbox_senders.rs"]
mod sandbox_senders;
#[path = "whole/sandbox_submissions.rs"]
mod sandbox_submissions;
#[path = "whole/sandbox_town.rs"]
mod sandbox_town;
#[path = "whole/sandbox_wire.rs"]
mod sandbox_wire;
#[path = "skipped.rs"]
mod skipped;
#[path = "whole/skips.rs"]
mod skips;
#[path = "whole/soak.rs"]
mod soak;
#[path = "whole/sources.rs"]
mod sources;
#[path = "whole/subscriber.rs"]
mod subscriber;
#[path = "whole/subscriber_bounds.rs"]
mod subscriber_bounds;
#[path = "whole/subscriber_hall.rs"]
mod subscriber_hall;
#[path = "whole/subscriber_keys.rs"]
mod subscriber_keys;
#[path = "whole/subscriber_long.rs"]
mod subscriber_long;
#[path = "whole/subscriber_pages.rs"]
mod subscriber_pages;
#[path = "whole/subscriber_rejects.rs"]
mod subscriber_rejects;
#[path = "whole/subscriber_siblings.rs"]
mod subscriber_siblings;
#[path = "whole/subscriber_tray.rs"]
mod subscriber_tray;
#[path = "whole/tenants.rs"]
mod tenants;
#[path = "whole/tidy.rs"]
mod tidy;
#[path = "whole/world.rs"]
mod world;
