//! Faults, made at will: what the tests of faults share. All of it runs inside a lab, as in `lab exec -- …`.

pub mod account;
pub mod audit;
pub mod depth;
pub mod figures;
pub mod honesty;
pub mod operator;
pub mod proxy;
pub mod state;
pub mod trace;
pub mod world;
