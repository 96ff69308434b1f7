//! The protocol by which our answers are compared with those of the library.
