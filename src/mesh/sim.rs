//! The mesh, simulated: nodes made of the real store (on simulated disks), driver, planner and protocol, in one process and
//! in simulated time, with everything going wrong that a seed draws. Then nothing goes wrong any more, and the promises of
//! DESIGN §10 must hold.
//!
//! **What is real.** Everything from [`super::driver`] and [`super::fetch`] down to the disk seam, and everything from
//! [`super::serve`] down. **What is not:** the carrier (signatures, HTTP), whose tests are its own; threads ([`Offload`]
//! does blocking work on the spot); and time, which is the runtime's paused clock: it jumps to the next thing that is due.
//!
//! **A run is a function of its seed.** One thread, one queue of what is due, choices from [`random`] alone. A test holds
//! it to that. A run that fails is cut down to the steps it needs, and told with its seed.
//!
//! The tests run some seeds of each kind. `ODS_MESH_SEEDS` is another number of runs, `ODS_MESH_FIRST` the first one's
//! seed, `ODS_MESH_VERDICT=1` ends them with the first that fails; `bash .ci/campaign mesh` does many. That these runs
//! can fail is shown by `bash .ci/campaign planted`, with the bugs of `src/mesh/sim/planted/`.
//!
//! [`Offload`]: super::offload::Offload

mod backups;
mod copies;
mod episodes;
mod healing;
mod history;
mod leaving;
mod machine;
mod network;
mod promises;
mod random;
mod reconnecting;
mod run;
mod script;
mod steps;
mod trace;
mod tunnels;
mod world;

pub(super) use machine::Delays;
pub(super) use network::{ByteStream, Line};
