//! What apps meet: parse into domain words, render JSON, headers and problems.
//!
//! In reading order: connections ([`edge`]), every request ([`front`], [`framing`], [`places`]), every path ([`router`]), the endpoint
//! ([`points_history`]) with what it needs ([`caching`], [`parameter`], [`request_id`], [`problem`], [`answer`]),
//! pages for people ([`landing`], [`docs`], [`problem_pages`], [`openapi`]), the admin listener ([`admin`], [`reload`]) with its status page ([`status`]), and how the
//! gateway ends and another takes over ([`phase`], [`whoami`]).

pub mod settings;
pub mod edge;
pub mod front;
mod often;
mod framing;
pub mod places;
pub mod router;
pub mod points_history;
mod caching;
pub mod parameter;
pub mod request_id;
pub mod problem;
mod answer;
mod seconds;
pub mod body;
pub mod landing;
mod docs;
mod problem_pages;
pub mod openapi;
pub mod status;
pub mod admin;
pub mod reload;
pub mod phase;
mod whoami;

pub use points_history::{Account, PointsHistory};
pub use settings::HttpSettings;
