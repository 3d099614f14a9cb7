#version 330
in vec2 place;
out vec4 colour;
//include noise.glsl
uniform int kind;  // 0 wall, 1 blurred room, 2 lights out of focus, 3 foliage, 4 plain
uniform float seed;
uniform vec3 base_colour, other_colour, third_colour;
uniform float scale;

void main() {
    vec3 q = vec3(place * scale, seed);
    vec3 c = mix(base_colour, other_colour, smoothstep(-1.0, 1.0, place.y + 0.6 * place.x * sin(seed)));
    if (kind == 0) {
        c *= 0.85 + 0.3 * cloud(q * 1.3) + 0.06 * (noise(q * 40.0) - 0.5);
        c *= 1.1 - 0.3 * length(place - vec2(0.3 * sin(seed), 0.2));
    } else if (kind == 1) {
        // Boxes that run together: furniture, windows and doors behind the depth of field.
        for (int i = 0; i < 9; i++) {
            float k = float(i) + seed;
            vec2 middle = vec2(hash(vec3(k, 1.0, 2.0)), hash(vec3(k, 5.0, 3.0))) * 2.6 - 1.3;
            vec2 size = vec2(0.12, 0.2) + 0.6 * vec2(hash(vec3(k, 8.0, 1.0)), hash(vec3(k, 2.0, 9.0)));
            vec2 d = abs(place - middle) - size;
            float blur = 0.02 + 0.12 * hash(vec3(seed, 4.0, 4.0));
            float box = (1.0 - smoothstep(-blur, blur, d.x)) * (1.0 - smoothstep(-blur, blur, d.y));
            float tone = hash(vec3(k, 3.0, 7.0));
            c = mix(c, mix(mix(base_colour, third_colour, tone), other_colour, hash(vec3(k, 6.0, 6.0))) * (0.4 + tone), 0.85 * box);
        }
        c *= 0.9 + 0.2 * noise(q * 3.0);
    } else if (kind == 2) {
        c *= 0.25;
        for (int i = 0; i < 22; i++) {
            float k = float(i) * 1.37 + seed;
            vec2 middle = vec2(hash(vec3(k, 1.0, 2.0)), hash(vec3(k, 5.0, 3.0))) * 2.4 - 1.2;
            float radius = 0.04 + 0.14 * hash(vec3(seed, k, 3.0));
            float disc = 1.0 - smoothstep(radius * 0.85, radius, length(place - middle));
            c += 0.45 * disc * mix(other_colour, third_colour, hash(vec3(k, 3.0, 7.0)));
        }
    } else if (kind == 3) {
        float leaves = cloud(q * 3.0) * 0.6 + 0.4 * cloud(q * 9.0 + 4.0);
        c = mix(base_colour * 0.35, mix(other_colour, third_colour, noise(q * 2.0)), smoothstep(0.3, 0.7, leaves));
    }
    colour = vec4(max(c, 0.0), 0.0);
}
