pub mod model;
pub mod section;
pub mod units;
#[derive(Debug)] pub struct Error(pub String);
