#version 330
in vec3 v_position, v_normal, v_rest;
in vec4 v_region;
in vec4 v_light;
out vec4 colour;
//include noise.glsl
//include light.glsl
uniform float seed;
uniform vec3 skin_colour, lip_colour, brow_colour, hair_colour, mouth_colour, shadow_colour;
uniform float blotches, freckles, pores, wrinkles, gloss, beard, scalp, make_up;
uniform vec4 brow;        // height over the eye, length, thickness (m), density
uniform float brow_arch;
uniform vec4 hairline;    // height of its front, slope, recession, noise
uniform vec3 eye_middle;  // of the left eye of the mean head

float blob(vec3 p, vec3 middle, vec3 size) {
    vec3 d = (p - middle) / size;
    return exp(-dot(d, d));
}

void main() {
    vec3 p = v_rest;
    vec3 side = vec3(abs(p.x), p.y, p.z);
    vec3 q = p + vec3(seed);
    vec3 n = normalize(v_normal);
    if (!gl_FrontFacing) n = -n;
    float inside = v_region.y;

    // Pores and fine wrinkles bend the normal.
    float fine = 1600.0;
    vec3 bump = vec3(noise(q * fine), noise(q * fine + 31.0), noise(q * fine + 57.0)) - 0.5;
    float forehead = blob(side, vec3(0.0, 0.785, 0.135), vec3(0.045, 0.018, 0.03));
    float lines = sin((p.y + 0.004 * noise(q * 60.0)) * 900.0) * forehead;
    float crow = blob(side, vec3(0.052, 0.728, 0.115), vec3(0.010, 0.014, 0.02));
    lines += sin(atan(p.y - 0.728, side.x - 0.040) * 16.0) * crow;
    n = normalize(n + pores * bump + vec3(0.0, wrinkles * lines, 0.0));

    float mottle = cloud(q * 55.0) - 0.5;
    float pore = noise(q * 900.0) - 0.5;
    vec3 skin = skin_colour * (1.0 + blotches * mottle + 0.5 * pores * pore);
    // Blood: cheeks, nose and ears are redder, the forehead paler, eyes lie in shade.
    float blood = 0.9 * blob(side, vec3(0.045, 0.690, 0.125), vec3(0.022, 0.020, 0.04))
        + 0.8 * blob(side, vec3(0.0, 0.692, 0.165), vec3(0.014, 0.012, 0.02))
        + 0.6 * smoothstep(0.068, 0.08, side.x);
    skin *= mix(vec3(1.0), vec3(1.08, 0.84, 0.82), clamp(blood * (0.6 + mottle) * (0.5 + 2.0 * blotches), 0.0, 1.0));
    float bag = blob(side, eye_middle + vec3(-0.002, -0.017, 0.0), vec3(0.016, 0.007, 0.04));
    skin *= mix(vec3(1.0), vec3(0.80, 0.72, 0.74), clamp(0.5 * bag * (0.4 + wrinkles * 4.0), 0.0, 1.0));
    float spots = smoothstep(0.72, 0.80, noise(q * 480.0)) * smoothstep(0.35, 0.6, noise(q * 40.0 + 9.0));
    skin *= mix(vec3(1.0), vec3(0.72, 0.55, 0.45), spots * freckles);
    float lid = blob(side, eye_middle + vec3(0.0, 0.011, 0.0), vec3(0.018, 0.008, 0.04));
    skin = mix(skin, shadow_colour, clamp(make_up * lid * 1.3, 0.0, 0.8));

    // Brows: hairs along an arc over each eye.
    float along = (side.x - 0.013) / brow.y;
    float arc = eye_middle.y + brow.x + brow_arch * sin(clamp(along, 0.0, 1.0) * 2.6) - 0.002 * along;
    float thick = brow.z * (1.0 - 0.6 * smoothstep(0.35, 1.0, along)) * smoothstep(-0.12, 0.1, along);
    float across = (p.y - arc) / max(thick, 1e-4);
    float lean = mix(1.2, 3.5, along);
    float hairs = noise(vec3((side.x - (p.y - arc) / lean) * 1500.0, p.y * 260.0, seed * 3.0 + sign(p.x)));
    float in_brow = (1.0 - smoothstep(0.5, 1.1, abs(across))) * smoothstep(-0.08, 0.08, along)
        * (1.0 - smoothstep(0.85, 1.1, along)) * step(0.08, p.z);
    skin = mix(skin, brow_colour, clamp(in_brow * brow.w * (0.35 + 1.1 * hairs), 0.0, 1.0));

    // Beard or its shade: jaw, chin and upper lip.
    float chin = smoothstep(0.678, 0.655, p.y + 0.25 * (0.145 - p.z) - 0.30 * max(side.x - 0.03, 0.0))
        + 0.9 * blob(side, vec3(0.0, 0.678, 0.16), vec3(0.022, 0.0055, 0.02));
    chin *= smoothstep(0.01, 0.06, p.z) * (1.0 - v_region.x) * (1.0 - inside);
    float stubble = noise(vec3(q.x * 1300.0, q.y * 500.0, q.z * 900.0));
    skin = mix(skin, mix(skin * vec3(0.72, 0.74, 0.78), brow_colour, smoothstep(0.4, 1.0, beard)),
        clamp(beard * clamp(chin, 0.0, 1.0) * (0.3 + 1.1 * stubble), 0.0, 0.95));

    // The scalp shows the roots of hair.
    float line = p.y - hairline.x + hairline.y * (0.13 - p.z)
        - hairline.z * smoothstep(0.015, 0.05, side.x) * smoothstep(0.03, 0.1, p.z)
        + hairline.w * (noise(q * 110.0) - 0.5);
    float root = smoothstep(-0.004, 0.008, line) * (1.0 - smoothstep(0.070, 0.076, side.x) * step(p.y, 0.76));
    skin = mix(skin, hair_colour, scalp * root * (0.55 + 0.45 * noise(q * 1200.0)));

    // Lips: redder, glossier, with folds across.
    float lips = smoothstep(0.30, 0.55, v_region.x) * (1.0 - inside);
    float folds = noise(vec3(p.x * 1100.0, p.y * 90.0, seed));
    skin = mix(skin, lip_colour * (0.86 + 0.28 * folds), lips * 0.85);

    // Rims of the lids: wet and pink within, dark lashes at the edge.
    float rim = smoothstep(0.15, 0.75, v_region.z);
    float above = smoothstep(-0.003, 0.003, p.y - eye_middle.y);
    skin = mix(skin, vec3(0.06, 0.045, 0.04), rim * mix(0.45, 0.9, above));

    // Inside of the mouth and nostrils: wet flesh that loses light with depth.
    float deep = smoothstep(0.150, 0.118, p.z);
    vec3 flesh = mouth_colour * (0.75 + 0.5 * noise(q * 180.0));
    skin = mix(skin, flesh * mix(0.8, 0.03, deep), inside);
    float open = mix(1.0, mix(0.55, 0.04, deep), inside);

    float shine = gloss * (0.6 + 0.8 * noise(q * 700.0)) * (1.0 + 1.6 * lips) + 0.3 * inside * (1.0 - deep);
    float power = mix(18.0, 45.0, max(lips, inside));
    vec3 result = shade(skin, n, 1.0, shine, power, open);
    // alpha names the part, see renderer.PARTS
    colour = vec4(mix(result, result * mix(1.0, 0.05, deep), inside), inside > 0.5 ? 2.0 : 1.0);
}
