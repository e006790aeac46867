//! The one place where rooms are wired together; serve; drain.
