"""What commands do when they join several parts of the zoo: plain functions, data in and data out."""
