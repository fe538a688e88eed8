//! Tests of the client, as its users see it. They are one program, because each would link the data frame library and
//! the database anew.

#[cfg(test)]
mod analysis;
#[cfg(test)]
mod anonymise;
#[cfg(test)]
mod charts;
#[cfg(test)]
mod commands;
#[cfg(unix)]
#[cfg(test)]
mod completion;
#[cfg(unix)]
#[cfg(test)]
mod data_directory;
#[cfg(test)]
mod fio;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod report;
#[cfg(test)]
mod report_many;
#[cfg(test)]
mod report_pair;
#[cfg(unix)]
#[cfg(test)]
mod signals;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
