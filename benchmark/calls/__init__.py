"""What Python calls: each function checks what it is given, makes a request of it, and hands that on."""
