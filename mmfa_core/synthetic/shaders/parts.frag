#version 330
// Teeth, tongue, eyes, hair and clothes. Alpha names the part, see renderer.PARTS.
in vec3 v_position, v_normal, v_rest;
in vec4 v_region;
in vec4 v_light;
out vec4 colour;
//include noise.glsl
//include light.glsl
uniform int kind;         // 0 teeth, 1 tongue, 2 eye, 3 hair, 4 body
uniform float seed;
uniform vec3 base_colour; // enamel, flesh, sclera, hair, cloth
uniform vec3 other_colour;// gum, -, iris, second hair, second cloth
uniform vec3 skin_colour;
uniform vec4 shape;       // eye: iris and pupil radius, rad; hair: strands, length; cloth: pattern, collar
uniform vec3 gaze;        // unit
uniform vec3 eye_axis_up;
uniform float blotches;
uniform sampler2D opening; // what the skin alone shows, part in alpha

void main() {
    // Teeth stand in the mouth: only where its inside would show without them.
    if (kind == 0 && texelFetch(opening, ivec2(gl_FragCoord.xy), 0).a != 2.0) discard;
    vec3 n = normalize(v_normal);
    vec3 p = v_rest;
    if (kind == 0) {
        // p: number of the tooth from the middle, height from gum (0) to edge (1), depth into the mouth.
        float across = abs(fract(p.x) - 0.5) * 2.0;
        float gum = smoothstep(0.16, 0.08, p.y - 0.16 * across * across);
        float gap = smoothstep(0.90, 1.0, across) * (1.0 - gum);
        vec3 enamel = base_colour * (0.95 + 0.1 * noise(vec3(p.x * 6.0, p.y * 4.0, seed)));
        enamel = mix(enamel, enamel * vec3(0.93, 0.86, 0.72), smoothstep(0.6, 0.1, p.y));
        vec3 albedo = mix(enamel, other_colour, gum) * (1.0 - 0.55 * gap);
        float open = mix(0.85, 0.10, smoothstep(0.0, 0.030, p.z)) * (1.0 - 0.5 * gap);
        vec3 result = shade(albedo, n, 0.5, 0.32 * (1.0 - gap), 60.0, open);
        colour = vec4(result * mix(1.0, 0.16, smoothstep(0.002, 0.030, p.z)), 3.0);
    } else if (kind == 1) {
        float deep = smoothstep(0.150, 0.105, p.z);
        vec3 albedo = base_colour * (0.8 + 0.4 * noise(p * 900.0 + seed));
        vec3 result = shade(albedo, n, 0.8, 0.25, 25.0, mix(0.5, 0.06, deep));
        colour = vec4(result * mix(0.85, 0.08, deep), 4.0);
    } else if (kind == 2) {
        vec3 d = normalize(p);  // from the middle of the eyeball
        float angle = acos(clamp(dot(d, gaze), -1.0, 1.0));
        vec3 right = normalize(cross(eye_axis_up, gaze)), up = cross(gaze, right);
        float turn = atan(dot(d, up), dot(d, right));
        float iris = 1.0 - smoothstep(shape.x - 0.025, shape.x + 0.02, angle);
        float ring = smoothstep(shape.x * 0.7, shape.x, angle);
        float rays = noise(vec3(cos(turn) * 9.0, sin(turn) * 9.0, angle * 6.0 + seed));
        vec3 coloured = other_colour * (0.55 + 0.9 * rays) * mix(1.0, 0.35, ring);
        coloured = mix(coloured, vec3(0.004), 1.0 - smoothstep(shape.y - 0.03, shape.y + 0.02, angle));
        float veins = smoothstep(0.55, 0.75, noise(vec3(turn * 5.0, angle * 14.0, seed))) * smoothstep(0.6, 1.1, angle);
        vec3 white = mix(base_colour, vec3(0.75, 0.42, 0.38), 0.35 * veins + 0.35 * smoothstep(0.75, 1.2, angle));
        vec3 albedo = mix(white, coloured, iris);
        float lid = smoothstep(v_region.x, v_region.x - 0.32, d.y);  // shade under the upper lid
        vec3 result = shade(albedo, n, 0.3, 0.06, 12.0, 0.75) * mix(0.45, 1.0, lid);
        // The cornea mirrors the light.
        vec3 view = normalize(eye_place - v_position);
        vec3 bulge = normalize(mix(n, gaze, 0.35 * iris));
        float glint = pow(clamp(dot(bulge, normalize(key_direction + view)), 0.0, 1.0), 260.0);
        colour = vec4(result + key_colour * 1.4 * smoothstep(0.15, 0.6, glint), 5.0);
    } else if (kind == 3) {
        // region: shell height [0, 1], along the strand, across it, least coverage.
        float strand = noise(vec3(v_region.z * shape.x, v_region.y * shape.y, seed));
        float lock = noise(vec3(v_region.z * shape.x * 0.13, v_region.y * shape.y * 0.5, seed + 5.0));
        float cover = mix(strand, lock, 0.35);
        if (cover < v_region.x * 0.62 + 0.10 - 0.5 * v_region.w) discard;
        if (v_region.w < 0.0) discard;
        float tone = mix(strand, lock, 0.5);
        vec3 albedo = mix(base_colour, other_colour, smoothstep(0.35, 0.8, tone)) * (0.35 + 0.55 * v_region.x) * (0.6 + 0.6 * strand);
        vec3 bent = normalize(n + 0.5 * vec3(strand - 0.5, 0.0, lock - 0.5));
        vec3 view = normalize(eye_place - v_position);
        vec3 half_way = normalize(key_direction + view);
        float band = pow(clamp(1.0 - abs(half_way.y - n.y), 0.0, 1.0), 16.0) * (0.3 + 0.9 * strand);
        vec3 result = shade(albedo, bent, 0.2, 0.0, 20.0, 0.9);
        colour = vec4(result + key_colour * shape.z * band * (0.06 + base_colour), 6.0);
    } else {
        // region.x: m below the collar, + is covered; region.y: round the body, rad.
        float cover = smoothstep(-0.0008, 0.0012, v_region.x);
        vec3 q = p + seed;
        vec3 cloth = base_colour;
        float thread = noise(q * 1400.0);
        if (shape.x > 0.5 && shape.x < 1.5)
            cloth = mix(base_colour, other_colour, step(0.5, fract(p.y * shape.y)));
        else if (shape.x > 1.5 && shape.x < 2.5)
            cloth = mix(base_colour, other_colour, 0.5 * step(0.5, fract(p.y * shape.y)) + 0.5 * step(0.5, fract(v_region.y * shape.y * 0.11)));
        else if (shape.x > 2.5)
            cloth = mix(base_colour, other_colour, smoothstep(0.45, 0.6, cloud(q * shape.y)));
        cloth *= 0.8 + 0.3 * thread;
        float fold = cloud(vec3(v_region.y * 2.5, p.y * 10.0, seed)) - 0.5;
        float hem = smoothstep(0.012, 0.0105, v_region.x) * smoothstep(0.010, 0.0115, v_region.x);
        vec3 bent = normalize(n + cover * vec3(1.3 * fold, 0.8 * fold, 0.0));
        vec3 skin = skin_colour * (1.0 + blotches * (cloud(q * 55.0) - 0.5));
        vec3 albedo = mix(skin * mix(1.0, 0.55, smoothstep(-0.008, 0.0, v_region.x)), cloth * (1.0 - 0.4 * hem), cover);
        colour = vec4(shade(albedo, bent, 1.0 - cover, mix(0.12, 0.03, cover), 16.0, mix(0.9, 0.8, cover)), cover > 0.5 ? 7.0 : 1.0);
    }
}
