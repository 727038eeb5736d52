//! Images of services: the repository of each, what is in it, and the way into it. Everything goes through the API of ECR, which the
//! embedded engine has as well.

mod fallback;
mod login;
mod lookup;
mod provide;
mod push;
mod repository;
mod stored;

pub use login::Login;
pub use lookup::Missing;
pub use provide::{
    Building, Provided, StandIn, fall_back, lacking, provide, provided_by_build, refuse_conflicts, stand_in_all,
};
pub use push::push_all;
pub use repository::{Conflict, conflicts, make_repositories};
pub use stored::{Stored, StoredImage, stored};

pub(crate) use fallback::STAND_IN_VERSION;
pub(crate) use lookup::{OwnRegistry, missing_image};
pub(crate) use push::push;
