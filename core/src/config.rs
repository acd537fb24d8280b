//! Settings in layers: defaults, the user's file, the open project, the environment, the command line. Each value knows
//! where it came from, and the user's file is the only one that is written.

mod edit;
mod file;
mod keys;
mod layers;
mod problem;
mod reference;
mod value;
mod view;

pub use file::{FileError, UserFile};
pub use keys::{Key, Shape, all as keys};
pub use layers::{Config, Layer, Named};
pub use problem::Problem;
pub use reference::Reference;
pub use view::{ConfigProblem, ConfigValue, ConfigView};

#[cfg(test)]
mod tests;
