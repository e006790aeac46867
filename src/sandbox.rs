//! A stand-in for Kingdee.
