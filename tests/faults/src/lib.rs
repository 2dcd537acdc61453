//! Faults, made at will: what the tests of faults share. All of it runs inside a lab, as in `lab exec -- …`.

pub mod depth;
