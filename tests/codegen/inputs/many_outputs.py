"""A model of 40 outputs, the i-th of i + 1 bytes."""

print("model many rounding=tflite")
print("input %x : i8[1]")
for i in range(40):
    print(f"const @k{i} : i8[{i + 1}] = splat {i}")
    print(f"%y{i} : i8[{i + 1}] = bit_xor %x, @k{i}")
    print(f"output %y{i}")
