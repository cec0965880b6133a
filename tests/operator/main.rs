//! The operator as users meet it: a real apiserver, the AWS SDK on the wire, and a
//! fake Cognito that watches for what must never happen.

mod access;
mod adoption;
#[path = "../shared/apiserver.rs"]
mod apiserver;
mod apiserver_faults;
mod backup;
mod binary;
mod budget;
mod classes;
mod counting;
mod crashes;
mod creation;
mod credentials;
mod deletion;
mod export;
mod iam;
mod in_memory;
mod leadership;
mod leaves;
mod logs;
mod orphans;
mod outages;
mod outside;
mod permissions;
mod references;
#[path = "../shared/rig.rs"]
mod rig;
mod settings;
mod shell;
mod start;
mod status;
mod stop;
mod stored;
mod tenant;
mod third_party;
mod waiting;
mod wire;
