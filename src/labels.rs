//! Names and labels that are made from the names of applications and models.
