#version 330
// Writes which triangle is seen: 1 for the first one, 0 is left where there is none.
uniform int first;  // triangles of the surfaces before
out float number;

void main() {
    number = float(first + gl_PrimitiveID + 1);
}
