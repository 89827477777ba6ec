"""What people read: tables, captions, pages. Everything here is made from stored cells."""
