"""What all statements about networks of power 1 share: exact limit flows, and the tubes around them."""
