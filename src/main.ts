// Which role is this process? The only file that knows all of them.
