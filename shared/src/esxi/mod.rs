//! What the companion commands of an ESXi host print.
