//! The analysis against an independent source: raw I/O whose every figure is known, and captures worked out by hand.

mod anonymous;
mod cache;
mod contradictions;
mod damage;
mod disks;
mod errors;
mod failures;
mod first_print;
mod import;
mod methods;
mod oracle;
mod partial;
mod period;
mod phases;
mod printed_times;
mod restarts;
mod snapshots;
mod telescoping;
mod traces;
mod unknown;
