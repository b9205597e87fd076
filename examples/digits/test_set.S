/* The test set as data of the program, the same on every target. */
  .section .rodata
  .globl test_images, test_labels, test_labels_end
test_images:
  .incbin "test_images.bin"
test_labels:
  .incbin "test_labels.csv"
test_labels_end:

#ifdef __ELF__
  .section .note.GNU-stack, "", %progbits
#endif
