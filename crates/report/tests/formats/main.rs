//! What people and programs read, format by format, on one rich report.

#[cfg(test)]
mod github;
#[cfg(test)]
mod html;
#[cfg(test)]
mod json;
#[cfg(test)]
mod junit;
#[cfg(test)]
mod markdown;
#[path = "../../examples/sample/report.rs"]
mod sample;
#[cfg(test)]
mod sarif;
#[cfg(test)]
mod text;
